import { LabIcon } from '@jupyterlab/ui-components';

/** A particle between its orbits. `jp-icon3` takes the theme's colour. */
export const leptonIcon = new LabIcon({
  name: 'lepton-lab:lepton',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <circle cx="12" cy="12" r="2.6"/>
    <circle cx="19.4" cy="5.6" r="1.9"/>
    <circle cx="4.6" cy="18.4" r="1.9"/>
  </g>
  <g class="jp-icon3-stroke jp-icon-output-selectable" fill="none" stroke="#616161" stroke-width="1.6">
    <ellipse cx="12" cy="12" rx="10" ry="4.4" transform="rotate(-41 12 12)"/>
    <ellipse cx="12" cy="12" rx="10" ry="4.4" transform="rotate(41 12 12)"/>
  </g>
</svg>`
});
