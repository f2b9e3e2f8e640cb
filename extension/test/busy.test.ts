import type { KernelMessage } from '@jupyterlab/services';
import { expect, it } from 'vitest';

import { busyAfter } from '../src/busy';

function status(state: string, parent: string, session = 'mine'): KernelMessage.IIOPubMessage {
  return {
    header: { msg_type: 'status' },
    content: { execution_state: state },
    parent_header: { msg_type: parent, session }
  } as unknown as KernelMessage.IIOPubMessage;
}

it('follows cells, whoever runs them', () => {
  expect(busyAfter(false, status('busy', 'execute_request', 'other'), 'mine')).toBe(true);
  expect(busyAfter(true, status('idle', 'execute_request', 'other'), 'mine')).toBe(false);
});

it('is not misled by messages that are handled beside a cell', () => {
  expect(busyAfter(true, status('idle', 'comm_msg'), 'mine')).toBe(true);
  expect(busyAfter(true, status('idle', 'kernel_info_request', 'server'), 'mine')).toBe(true);
  expect(busyAfter(false, status('busy', 'kernel_info_request'), 'mine')).toBe(false);
});

it('learns from its own first question that the kernel is free', () => {
  expect(busyAfter(true, status('idle', 'kernel_info_request'), 'mine')).toBe(false);
});
