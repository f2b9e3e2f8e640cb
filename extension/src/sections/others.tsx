import { counted } from '../format';
import { lineOf } from '../lines';
import type { OtherCluster } from '../state';
import { type Actions, Item, LineButton } from './parts';

interface OthersProps {
  clusters: OtherCluster[];
  /** Whether the kernel may attach to one: it has none of its own. */
  isFree: boolean;
  actions: Actions;
}

/** Clusters of the workspace that other kernels started or left. */
export function Others({ clusters, isFree, actions }: OthersProps): JSX.Element | null {
  if (clusters.length === 0) {
    return null;
  }
  return (
    <>
      <h4>Other clusters</h4>
      <ul aria-label="Other clusters">
        {clusters.map(({ name, state, workers, detached, address }) => (
          <Item
            key={`${name} ${address}`}
            name={name}
            detail={[state, counted(workers, 'worker'), detached && 'outlives its kernel']
              .filter(Boolean)
              .join(', ')}
          >
            {state === 'running' && isFree && (
              <LineButton line={lineOf('cluster attach', name)} label={`Attach to ${name}`} actions={actions}>
                Attach
              </LineButton>
            )}
            <LineButton line={lineOf('cluster down', name)} label={`End ${name}`} actions={actions}>
              End
            </LineButton>
          </Item>
        ))}
      </ul>
    </>
  );
}
