import { buttons } from './buttons';
import { commands } from './commands';
import { completion } from './completion';
import { hover } from './hover';
import { keys } from './keys';
import { labs } from './labs';
import { layout } from './layout';
import { offered } from './offered';
import { panels } from './panels';
import { restore } from './restore';
import { settings } from './settings';
import { sidebar } from './sidebar';
import { status } from './status';
import { warnings } from './warnings';

export default [
  settings,
  labs,
  commands,
  sidebar,
  buttons,
  restore,
  panels,
  layout,
  status,
  completion,
  hover,
  offered,
  keys,
  warnings
];
