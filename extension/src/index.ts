import { bokeh } from './bokeh';
import { commands } from './commands';
import { labs } from './labs';
import { sidebar } from './sidebar';

export default [labs, commands, sidebar, bokeh];
