import { PageConfig, URLExt } from '@jupyterlab/coreutils';

/**
 * Links as they work behind a base URL, such as JupyterHub's or Binder's.
 *
 * @param url is relative to the base URL, or whole.
 */
export function link(url: string, base: string = PageConfig.getBaseUrl()): string {
  return /^[a-z]+:/i.test(url) || url.startsWith('/') ? url : URLExt.join(base, url);
}

/**
 * Dask's dashboard as the browser reaches it. An address of the kernel's machine goes through jupyter-server-proxy: the
 * browser may be on another machine.
 */
export function dashboardLink(address: string, base: string = PageConfig.getBaseUrl()): string {
  const [, port, path] = /^https?:\/\/(?:127\.0\.0\.1|localhost):(\d+)\/(.*)$/.exec(address) ?? [];
  return port ? URLExt.join(base, 'proxy', port, path) : link(address, base);
}
