"""Makes the pinned solcjs answer like a native `solc`, for everything that calls one.

Brownie (py-solc-x), forge and EZKL each look for a compiler executable in a place of their own. One small node
script around the npm package serves all three, kept below `.cache/home`, which is the HOME of every tool that
would otherwise write into the user's.
"""

import stat

from scripts.toolchain import ROOT, SOLC, SVM_SOLC, node_executable

LAUNCHER = """#!{node}
const fs = require("fs");
const solc = require({package!r});
if (process.argv.includes("--version")) {{
  // py-solc-x reads the version with a pattern that expects a native platform's name.
  const version = solc.version().replace("Emscripten.clang", "Linux.g++");
  console.log("solc, the solidity compiler commandline interface\\nVersion: " + version);
  process.exit(0);
}}
const readImport = (path) => {{
  try {{
    return {{ contents: fs.readFileSync(path, "utf8") }};
  }} catch (error) {{
    return {{ error: String(error) }};
  }}
}};
process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), {{ import: readImport }}));
"""


def main() -> None:
    text = LAUNCHER.format(node=node_executable(), package=str(ROOT / "node_modules" / "solc"))
    for place in (SOLC, SVM_SOLC):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(place.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


if __name__ == "__main__":
    main()
