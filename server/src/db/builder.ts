/** The query builder over a connection of ours: an engine brings its dialect and how one query runs. */
import { type CompiledQuery, type DatabaseConnection, type Dialect, Kysely, type QueryResult } from 'kysely';
import type { Schema } from './schema.ts';

export type BuilderParts = Pick<Dialect, 'createAdapter' | 'createIntrospector' | 'createQueryCompiler'> & {
  execute<R>(query: CompiledQuery): Promise<QueryResult<R>>;
};

/** Transactions are the units of `db.transact`, so the builder's own are refused; lists are bounded, so none is streamed. */
export function builderOver({ execute, ...dialect }: BuilderParts): Kysely<Schema> {
  const connection: DatabaseConnection = {
    executeQuery: execute,
    // biome-ignore lint/correctness/useYield: it only refuses
    async *streamQuery() {
      throw new Error('streaming is not supported');
    },
  };
  const createDriver: Dialect['createDriver'] = () => ({
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: refuseTransaction,
    commitTransaction: refuseTransaction,
    rollbackTransaction: refuseTransaction,
    releaseConnection: async () => {},
    destroy: async () => {},
  });
  return new Kysely<Schema>({ dialect: { ...dialect, createDriver } });
}

async function refuseTransaction(): Promise<void> {
  throw new Error('use db.transact');
}
