/** Makes the npm package into dist/: pack.ts. Needs what npm install brings. */
import { makePackage } from "./package_files.ts";

console.log(makePackage());
