const BLOCK = 512;

/** The first file of an archive: its bytes, or where it points to; undefined for anything else, a directory say. */
export function firstFile(
  archive: Buffer,
): { readonly data?: Buffer; readonly link?: string } | undefined {
  let offset = 0;
  while (offset + BLOCK <= archive.length) {
    const header = archive.subarray(offset, offset + BLOCK);
    const size = Number.parseInt(text(header, 124, 12), 8) || 0;
    const start = offset + BLOCK;
    switch (String.fromCharCode(header[156] ?? 0)) {
      case "0":
      case "\0":
        return { data: Buffer.from(archive.subarray(start, start + size)) };
      case "2":
        return { link: text(header, 157, 100) };
      case "x":
      case "g":
        // Extended attributes of the entry that follows.
        offset = start + Math.ceil(size / BLOCK) * BLOCK;
        break;
      default:
        return undefined;
    }
  }
  return undefined;
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field
    .subarray(0, end < 0 ? length : end)
    .toString()
    .trim();
}
