// Removes what a build makes, so that the next one can't reuse any of it.
import { rmSync } from 'node:fs';

for (const made of ['lib', '../lepton_lab/labextension']) {
  rmSync(new URL(`../${made}`, import.meta.url), { recursive: true, force: true });
}
