// The package's WebAssembly module with functions that trap.

/** A section of the module by its id; its content begins at `at`. */
function section(bytes, wanted) {
  for (let at = 8; at < bytes.length; ) {
    const [id, size] = [bytes[at], leb(bytes, at + 1)];
    if (id === wanted) return size.end;
    at = size.end + size.value;
  }
  throw new Error(`the module has no section ${wanted}`);
}

/** An unsigned number in LEB128, and where it ends. */
function leb(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end: at };
  }
}

/** The indices of the exported functions whose names match. */
function exported(bytes, names) {
  let { value: count, end: at } = leb(bytes, section(bytes, 7));
  const found = new Set();
  for (; count > 0; count--) {
    const length = leb(bytes, at);
    const kind = length.end + length.value;
    const index = leb(bytes, kind + 1);
    const name = new TextDecoder().decode(bytes.subarray(length.end, kind));
    if (bytes[kind] === 0 && names.test(name)) found.add(index.value);
    at = index.end;
  }
  return found;
}

/** How many functions are imported: the first indices are theirs. */
function importedFunctions(module) {
  return WebAssembly.Module.imports(module).filter(({ kind }) => kind === 'function').length;
}

/** A copy of the module in which each exported function whose name matches is one instruction, `unreachable`. */
export function trapping(module, names) {
  const bytes = new Uint8Array(module);
  const functions = exported(bytes, names);
  if (functions.size === 0) throw new Error(`the module exports no ${names}`);
  let { value: count, end: at } = leb(bytes, section(bytes, 10));
  for (let index = importedFunctions(new WebAssembly.Module(module)); count > 0; index++, count--) {
    const size = leb(bytes, at);
    at = size.end + size.value;
    // No locals, `unreachable`, `nop`s, `end`.
    if (functions.has(index)) bytes.set([0x00, 0x00, ...Array(size.value - 3).fill(0x01), 0x0b], size.end);
  }
  return bytes;
}
