/** The bytes of an image that a generated file holds in base64. */
export function decodeImage(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
