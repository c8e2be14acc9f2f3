/**
 * Writes lib/arch/aarch64/INSTRUCTIONS.md from the instruction table: node
 * conformance/disassembly/document.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { DOCUMENT, documentText } from "./document_text.ts";

mkdirSync(new URL(".", DOCUMENT), { recursive: true });
writeFileSync(DOCUMENT, documentText());
