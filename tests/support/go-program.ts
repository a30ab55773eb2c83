/**
 * Builds a Go program of ours against the packages of golang.org/x/mod that come with Go itself, so that nothing is
 * downloaded: an implementation of the log's specifications that shares no line with verifier/.
 */
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClientHome, findClient } from './clients.ts';
import { skipWhenMissing } from './missing-tools.ts';

/** Debian's versioned packages put no `go` in PATH. */
async function findGo(): Promise<string | undefined> {
  const versions = await readdir('/usr/lib').catch(() => []);
  const newest = versions
    .filter((name) => /^go-1\.\d+$/.test(name))
    .sort(byMinorVersion)
    .at(-1);
  return ['go', `/usr/lib/${newest}/bin/go`].find((name) => findClient(name) !== undefined);
}

function byMinorVersion(left: string, right: string): number {
  return Number(left.slice('go-1.'.length)) - Number(right.slice('go-1.'.length));
}

/** For node:test's `skip`. */
export async function goSkip(): Promise<string | false> {
  return skipWhenMissing((await findGo()) === undefined ? ['go'] : []);
}

/** Path of the program built from `sourceFolder`, whose files are all of package main. */
export async function buildGoProgram(home: ClientHome, sourceFolder: string): Promise<string> {
  const go = (await findGo()) ?? 'go';
  const build = home.join('build');
  const env = {
    GOPROXY: 'off',
    GOFLAGS: '-mod=mod',
    GOTOOLCHAIN: 'local',
    GOCACHE: home.join('cache'),
    GOPATH: home.join('path'),
    CGO_ENABLED: '0',
  };
  const root = (await home.must(go, ['env', 'GOROOT'], { env })).stdout.trim();
  const shipped = join(root, 'src/cmd/vendor/golang.org/x/mod/sumdb');
  await mkdir(build, { recursive: true });
  await cp(sourceFolder, build, { recursive: true });
  for (const name of ['note', 'tlog']) {
    await cp(join(shipped, name), join(build, 'mod/sumdb', name), { recursive: true, dereference: true });
  }
  await writeFile(join(build, 'mod/go.mod'), 'module golang.org/x/mod\n\ngo 1.19\n');
  const require = 'require golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod => ./mod\n';
  await writeFile(join(build, 'go.mod'), `module tallyman.example/verifier\n\ngo 1.19\n\n${require}`);
  const program = home.join('program');
  await home.must(go, ['build', '-o', program, '.'], { env, cwd: build, timeoutMs: 300_000 });
  return program;
}
