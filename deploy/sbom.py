"""Write what Tembr is made of, a software bill of materials in CycloneDX's JSON: packages of .venv, and the weights.

    .venv/bin/python deploy/sbom.py [tembr.cdx.json]

The packages are listed by cyclonedx-py, which uv fetches for the occasion.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LISTER = "cyclonedx-bom==7.5.0"


def packages() -> dict:
    """The packages of this environment, with versions and licences, as cyclonedx-py lists them."""
    command = [sys.executable, "-m", "uv", "tool", "run", "--quiet", "--from", LISTER, "cyclonedx-py", "environment"]
    listed = subprocess.run([*command, sys.prefix], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(listed.stdout)


def weights() -> list[dict]:
    """Each file of weights and of a ready voice that ships, with its hash; NOTICE and the card beside it say more."""
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": path.relative_to(ROOT).as_posix(),
            "name": path.relative_to(ROOT).as_posix(),
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
        }
        for path in sorted((ROOT / "models" / "weights").rglob("*.safetensors"))
    ]


def main(target: str = "tembr.cdx.json") -> None:
    bill = packages()
    bill["metadata"]["component"] = {"type": "application", "bom-ref": "tembr", "name": "tembr"}
    bill["components"] += weights()
    Path(target).write_text(json.dumps(bill, indent=2) + "\n")
    print(f"{target}: {len(bill['components'])} components")


if __name__ == "__main__":
    main(*sys.argv[1:])
