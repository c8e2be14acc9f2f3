/**
 * Writes lib/arch/.../INSTRUCTIONS.md from the instruction tables: node
 * conformance/disassembly/document.ts
 */
import { writeFileSync } from "node:fs";
import { instructionDocuments } from "./document_text.ts";

for (const { file, text } of instructionDocuments()) writeFileSync(file, text);
