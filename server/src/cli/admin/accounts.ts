/** What `tallyman admin` can do to accounts and names, whichever way it does it. */
import type { ApiParams } from '@tallyman/contract';

export type SystemRole = 'admin' | 'auditor';
export type NewUser = {
  name: string;
  password: string | undefined;
  email: string | undefined;
  roles: SystemRole[];
};
export type ReservedKind = ApiParams<'reserved_names.free'>['kind'];

/** Every method throws AppError, not_found for a user that does not live. */
export interface Accounts extends AsyncDisposable {
  create(user: NewUser): Promise<void>;
  /** Ends sessions and a lock-out. */
  putPassword(name: string, password: string): Promise<void>;
  disable(name: string, note: string | undefined): Promise<void>;
  enable(name: string): Promise<void>;
  changeRole(name: string, change: { role: SystemRole; held: boolean }): Promise<void>;
  endLockout(name: string): Promise<void>;
  freeName(kind: ReservedKind, name: string): Promise<void>;
}
