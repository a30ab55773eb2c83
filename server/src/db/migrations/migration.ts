/** What a migration is, and how its one text becomes the SQL of an engine. */
import { createHash } from 'node:crypto';

export type Engine = 'sqlite' | 'postgres';
export type MigrationStatement = string | { sqlite: string } | { postgres: string };

/** Numbered without gaps, forward-only. A released migration never changes: frozen.json holds its checksum. */
export type Migration = { number: number; name: string; statements: readonly MigrationStatement[] };

const words: Record<Engine, Record<string, string>> = {
  sqlite: {
    text: 'TEXT',
    int: 'INTEGER',
    blob: 'BLOB',
    serial: 'INTEGER PRIMARY KEY AUTOINCREMENT',
    // At the end of a table: its rows lie in its key. `STRICT` follows.
    clustered: ' WITHOUT ROWID,',
  },
  postgres: {
    clustered: '',
    text: 'TEXT COLLATE "C"',
    int: 'BIGINT',
    blob: 'BYTEA',
    serial: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  },
};

/** The statements of one migration for one engine. SQLite tables are made STRICT. */
export function statementsFor(migration: Migration, engine: Engine): string[] {
  return migration.statements.flatMap((statement) => {
    const text =
      typeof statement === 'string' ? statement : (statement as Partial<Record<Engine, string>>)[engine];
    if (text === undefined) return [];
    const sql = text.replace(
      /\{(text|int|blob|serial|clustered)\}/g,
      (_all, word: string) => words[engine][word] as string,
    );
    return engine === 'sqlite' && sql.startsWith('CREATE TABLE') ? [`${sql} STRICT`] : [sql];
  });
}

/** SHA-256 over the migration's own text, independent of the engine. */
export function checksum(migration: Migration): string {
  return createHash('sha256')
    .update(JSON.stringify([migration.number, migration.name, migration.statements]))
    .digest('hex');
}
