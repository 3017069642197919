// ruff.js MODULE FILE...: lints Python files with ruff, as the npm registry carries it (WebAssembly).
//
// MODULE is the directory of the package @astral-sh/ruff-wasm-nodejs. Prints one line per finding and exits 1 if there
// was any. The rules of the house are the object below.

'use strict';

const fs = require('fs');
const path = require('path');

const settings = {
    'line-length': 120,
    'target-version': 'py39',
    lint: { select: ['E', 'F', 'W'] },
};

const [moduleDirectory, ...files] = process.argv.slice(2);
const { Workspace, PositionEncoding } = require(path.resolve(moduleDirectory));
const workspace = new Workspace(settings, PositionEncoding.Utf32);
let findings = 0;
for (const file of files) {
    for (const finding of workspace.check(fs.readFileSync(file, 'utf8'))) {
        const { row, column } = finding.start_location;
        console.log(`${file}:${row}:${column}: ${finding.code} ${finding.message}`);
        findings += 1;
    }
}
console.log(`ruff ${Workspace.version()}: ${files.length} files, ${findings} findings`);
process.exit(findings ? 1 : 0);
