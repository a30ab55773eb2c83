/** NIST SP 800-53, Revision 5, AU-9 to AU-12: protection of the records, non-repudiation, retention, generation. */
import type { Control } from './control.ts';

export const protection: readonly Control[] = [
  {
    number: 'AU-9',
    title: 'Protection of audit information',
    asks: 'The log and what handles it are protected from unauthorised reading, change and deletion, and somebody is alerted when that was done.',
    does: [
      'No interface changes or deletes an event. Who reads it, and which fields, one declaration per type decides for every surface.',
      'Whoever changes the database below the server is found out: by the self-audit (an event and a metric), by the next checkpoint, by anybody who kept an earlier one.',
    ],
    events: [
      'system.inconsistency.find',
      'log.checkpoint.withhold',
      'trail.events.read',
      'trail.retention.drop',
    ],
    settings: ['fsck.interval_hours', 'fsck.percent'],
    commands: ['fsck', 'verify'],
    tests: [
      [
        'server/src/trail/search.suite.ts',
        'shows each reader, through each view, exactly the events and fields the rules give them',
      ],
      ['server/src/fsck/fsck.test.ts', 'names a changed body'],
      ['server/src/fsck/fsck.test.ts', 'names a deleted event, wherever it was'],
      ['server/src/fsck/fsck.test.ts', 'names an inserted event, at the end and in the middle'],
      [
        'tests/scenarios/outside-verify.test.ts',
        'a copy that was rolled back, at once and after it grew again',
      ],
    ],
    yours:
      'Access to the machine and the database; without it nothing below the server can be changed. Alerting on the metric.',
  },
  {
    number: 'AU-9(2)',
    title: 'Storage on separate systems',
    asks: 'Records are stored on a physically different system, so often.',
    does: [
      'Signed heads of the log are copied to further places, the newest always, each under a name that is written once; at a start the server compares itself with them before it signs. Auditors keep what they verified. Backups and bundles carry the records.',
    ],
    events: ['system.backup.make', 'trail.events.export'],
    settings: ['checkpoint.copies', 'checkpoint.copy_seconds'],
    commands: ['verify', 'backup', 'export'],
    tests: [
      [
        'server/src/trail/log/log.test.ts',
        'withholds until every copy was looked at, and lets an absent one hold nothing else up',
      ],
      ['server/src/cli/verify.test.ts', 'compares with checkpoints that were kept elsewhere'],
      ['tests/scenarios/backup.test.ts', 'a backup of a stopped server, without the key of the log'],
    ],
    yours:
      'The other place. A copied head proves that records were removed; it does not hold them: copy backups or exports there too, as often as you must.',
  },
  {
    number: 'AU-9(3)',
    title: 'Cryptographic protection',
    asks: 'Cryptography protects the integrity of records and of the tools that handle them.',
    does: [
      'Each event is hashed in canonical form into an RFC 6962 Merkle tree (SHA-256); its head is signed (Ed25519) every second with news, as a C2SP checkpoint. Anybody proves inclusion and consistency, offline, with a program that has no dependencies; an independent implementation agrees with it.',
      'The key can be kept apart from the database, and rotated so that who has the old one can follow.',
    ],
    events: ['log.key.create', 'log.key.rotate'],
    settings: ['checkpoint.key', 'checkpoint.origin'],
    commands: ['verify', 'admin log-key', 'fsck'],
    tests: [
      [
        'tests/scenarios/outside-verify.test.ts',
        'a history that was altered, and signed again by the log itself',
      ],
      [
        'tests/scenarios/independent-verifier.test.ts',
        'accepts checkpoint, tiles, entries, inclusion and consistency proofs',
      ],
      [
        'server/src/trail/log/log.test.ts',
        'never contradicts what was published, whatever step the process ends at',
      ],
      [
        'server/src/fsck/fsck.test.ts',
        'finds out who changes an event and makes its tile fit: every head after it was signed',
      ],
    ],
    yours:
      'Handing the log’s public key to auditors by another way, keeping the private one from those who keep the database. The programs themselves are not signed: check what you install.',
  },
  {
    number: 'AU-9(4)',
    title: 'Management by few',
    asks: 'Only a chosen part of the privileged people may manage the logging.',
    does: [
      'Switches of the server, retention, legal holds, erasure and the key need the role administrator, with a token that has that scope; each use is an event. Auditors read everything and change nothing.',
    ],
    events: [
      'trail.switch.change',
      'trail.retention.change',
      'trail.hold.place',
      'trail.hold.lift',
      'trail.erasure.confirm',
      'log.key.rotate',
    ],
    settings: [],
    commands: ['admin grant-admin', 'admin revoke-admin', 'admin grant-auditor', 'admin revoke-auditor'],
    tests: [
      [
        'server/src/api/refusals.test.ts',
        'refuses everybody without the permission, and says so in the right scope',
      ],
      ['server/src/api/refusals.test.ts', 'holds a token to its scopes'],
      [
        'server/src/trail/switches.test.ts',
        'let owners decide only while the server leaves it to them; the system scope follows the server',
      ],
    ],
    yours:
      'Being sparing with the role. There is no role for the logging alone: who may manage it administers the server too.',
  },
  {
    number: 'AU-9(6)',
    title: 'Read-only access',
    asks: 'Chosen privileged people may read records and change nothing.',
    does: [
      'The role auditor reads every event and every proof, and no content of projects; it gives no right to change anything, failure auditing included.',
    ],
    events: ['account.role.change', 'trail.events.read'],
    settings: [],
    commands: ['admin grant-auditor', 'admin revoke-auditor'],
    tests: [
      [
        'server/src/api/log-files.test.ts',
        'serves entries to administrators and auditors alone, whose reading is an event once in ten minutes',
      ],
      [
        'server/src/api/refusals.test.ts',
        'refuses everybody without the permission, and says so in the right scope',
      ],
    ],
    yours: 'Whom you give it to.',
  },
  {
    number: 'AU-10',
    title: 'Non-repudiation',
    asks: 'There is irrefutable evidence that somebody, or something in their name, did a certain thing.',
    does: [
      'An act names the account, the credential by a stable id, and the person behind a token or robot; it commits together with the change, and the signed log proves that it was neither added later nor altered.',
    ],
    events: ['container.manifest.push', 'container.tag.move', 'container.tag.delete', 'container.tag.unlock'],
    settings: [],
    commands: ['verify', 'export'],
    tests: [
      ['server/src/api/log-files.test.ts', 'proves one event, with the fields that its reader may read'],
      ['server/src/db/store.suite.ts', "a unit's change and its event commit together"],
      ['server/src/trail/log/bundle.test.ts', 'verify, whichever events were chosen'],
    ],
    yours:
      'The evidence is that a credential was used. It is as good as its keeping: no shared accounts, tokens that expire. People do not sign their acts with keys of their own; sign images with a tool for that, and push the signatures.',
  },
  {
    number: 'AU-10(1)',
    title: 'Association of identities',
    asks: 'Who made a piece of information is bound to it, and those entitled can find out who.',
    does: [
      'Digest, actor and credential stand in one event, which the log binds; from a tag or a manifest the event is one step away, and the history of a tag tells who to those who may know.',
    ],
    events: ['container.manifest.push', 'container.tag.create', 'container.tag.move'],
    settings: [],
    commands: ['tag history', 'events'],
    tests: [
      ['server/src/api/tag-history.test.ts', 'tells who did it to those alone who may read the event'],
      ['server/src/fsck/references.test.ts', 'names what was done by …'],
    ],
    yours: 'How strong the binding must be.',
  },
  {
    number: 'AU-10(2)',
    title: 'Validating that binding',
    asks: 'The binding is validated so often, and something is done when it does not hold.',
    does: [
      'The self-audit holds manifests, tags, locks and states of tags against the events that they name, and every event against the tree; what does not fit is an event and a metric.',
    ],
    events: ['system.inconsistency.find'],
    settings: ['fsck.interval_hours'],
    commands: ['fsck'],
    tests: [
      ['server/src/fsck/self-audit.test.ts', 'tells each finding once'],
      ['server/src/fsck/fsck.test.ts', 'names swapped events, with and without their private rows'],
    ],
    yours: 'What is done then; [fsck.md](../operating/fsck.md) says where to begin.',
  },
];

export const keeping: readonly Control[] = [
  {
    number: 'AU-11',
    title: 'Retention',
    asks: 'Records are kept for as long as policy, law and investigations need them.',
    does: [
      'Kept by class: project events for ever, account events 400 days, pulls 90 days unless set otherwise, within bounds for namespaces; what explains a present state stays as long as the state. A legal hold stops every drop. Each drop is an event with its range and a digest; proofs stay valid.',
    ],
    events: ['trail.retention.change', 'trail.retention.drop', 'trail.hold.place', 'trail.hold.lift'],
    settings: ['retention.project', 'retention.account', 'retention.routine'],
    commands: ['admin retention', 'admin hold'],
    tests: [
      ['server/src/main/forgetting.test.ts', 'keeps what explains a present state for as long as it lasts'],
      ['server/src/main/forgetting.test.ts', 'stops before legal holds on a namespace, a project or a user'],
      [
        'server/src/main/forgetting.test.ts',
        'drops what is past its time, below the last full tile, and every proof stays valid',
      ],
    ],
    yours:
      'The times. An erasure takes names out of records that are kept; place a hold first where they are evidence.',
  },
  {
    number: 'AU-11(1)',
    title: 'Long-term retrieval',
    asks: 'Records can still be retrieved and read after a long time.',
    does: [
      'Events are JSON in [a form that is specified](../spec/event.md) and frozen by vectors; a bundle holds records, proofs and keys in one text file that verifies without the server. An older database is migrated forward.',
    ],
    events: ['trail.events.export'],
    settings: [],
    commands: ['export', 'verify', 'migrate'],
    tests: [
      [
        'server/src/main/forgetting.test.ts',
        'a bundle made before an erasure still verifies, whole, and so does one made after it',
      ],
      ['server/src/db/store.test.ts', 'released migrations never change'],
    ],
    yours: 'Keeping exports, and the verifier with them, where they outlive the server.',
  },
  {
    number: 'AU-12',
    title: 'Generation of records',
    asks: 'The components can record the types of AU-2, the right people select what is recorded, and records have the content of AU-3.',
    does: [
      'One way to record is used by every part. A change and its event are one transaction, so neither is there without the other, also after `kill -9`. A refusal is durable before it is answered.',
      'Administrators choose which refusals are recorded, or leave it to each namespace’s owner.',
    ],
    events: ['trail.switch.change'],
    settings: ['failed_logins', 'failed_pulls', 'failed_pushes', 'failed_deletions'],
    commands: [],
    tests: [
      ['tests/faults/kill-under-push.test.ts', 'kill -9 under push load loses nothing and invents nothing'],
      ['tests/faults/kill-at-steps.test.ts', 'kill -9 at each durable step under push load'],
      [
        'server/src/trail/trail.test.ts',
        'records the first refusal before it resolves, and the rest when it has been quiet',
      ],
      [
        'tests/scenarios/trail-rules.test.ts',
        'left to the namespaces, an owner switches their own and no other',
      ],
    ],
    yours: 'Components around Tallyman: proxy, database, machine.',
  },
  {
    number: 'AU-12(1)',
    title: 'One trail, correlated in time',
    asks: 'Records of all components are one trail whose times agree within a tolerance.',
    does: [
      'One log with one dense order, over all namespaces and surfaces; a record’s time and its place in the log agree within 60 seconds, which the self-audit checks. Causes and request ids link what belongs together.',
    ],
    events: [],
    settings: [],
    commands: ['events', 'fsck'],
    tests: [
      ['server/src/db/store.suite.ts', 'many units and appends at once get a dense index, each exactly once'],
      [
        'server/src/db/store.suite.ts',
        'units that lock the same key leave their events in the order of their changes',
      ],
    ],
    yours: 'Correlating it with other systems, by synchronised clocks.',
  },
  {
    number: 'AU-12(3)',
    title: 'Changes by authorised people',
    asks: 'Chosen people can change what is logged, by chosen criteria, within a set time.',
    does: [
      'The four switches act at once, on the server or in one namespace; each turn is an event, and the one that switches on again tells how many refusals were counted meanwhile.',
    ],
    events: ['trail.switch.change'],
    settings: ['failed_logins', 'failed_pulls', 'failed_pushes', 'failed_deletions'],
    commands: [],
    tests: [
      [
        'server/src/trail/switches.test.ts',
        'are on until somebody says otherwise, and remember it over a restart',
      ],
      [
        'server/src/trail/switches.test.ts',
        'tell when switched on how many refusals were counted meanwhile, each once',
      ],
    ],
    yours: 'Other criteria than these four groups do not exist: all else is always recorded.',
  },
  {
    number: 'AU-12(4)',
    title: 'Queries for personal data',
    asks: 'What was asked of data that identify people is audited with its parameters.',
    does: [
      'Searching the trail beyond one’s own affairs, and every export of it, is an event with view and filter.',
    ],
    events: ['trail.events.read', 'trail.events.export'],
    settings: [],
    commands: ['events'],
    tests: [
      [
        'server/src/trail/search.suite.ts',
        'records reading what is somebody else’s once for each reader and filter in ten minutes',
      ],
      [
        'server/src/api/log-files.test.ts',
        'serves entries to administrators and auditors alone, whose reading is an event once in ten minutes',
      ],
    ],
    yours:
      'Owners who read the events of their own projects leave no such event; queries against the database itself are for its own auditing.',
  },
];
