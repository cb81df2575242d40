// Runs a Python program in MicroPython for WebAssembly, which has the 32 bits of a board.
// node run_wasm.mjs INTERPRETER.mjs PROGRAM.py FOLDER...   every folder's files can be imported
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [interpreter, program, ...folders] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(interpreter));
const python = await loadMicroPython({
  heapsize: 4 << 20,
  linebuffer: true,
  stdout: (line) => console.log(line),
});
const copy = (from, to) => {
  python.FS.mkdir(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), `${to}/${entry.name}`];
    if (entry.isDirectory()) copy(source, target);
    else if (entry.name.endsWith(".py")) python.FS.writeFile(target, fs.readFileSync(source));
  }
};
folders.forEach((folder, number) => {
  copy(folder, `/given${number}`);
  python.runPython(`import sys; sys.path.append("/given${number}")`);
});
python.runPython(fs.readFileSync(program, "utf8"));
