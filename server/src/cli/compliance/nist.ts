/** NIST SP 800-53, Revision 5: the family AU, Audit and Accountability. AU-2 to AU-8 here, the rest in nist-keeping.ts. */
import type { Control, Framework } from './control.ts';
import { keeping, protection } from './nist-keeping.ts';

const content: readonly Control[] = [
  {
    number: 'AU-2',
    title: 'Event logging',
    asks: 'Know which types of events the system can log, choose those to log and why they suffice, agree with others who need them, and review the choice.',
    does: [
      'The types are a closed catalogue, [events.md](events.md), with what each means and who reads it; [coverage.md](coverage.md) shows for each route and outcome the event it leaves, or the written reason why none.',
      'Changes are always recorded. Only refusals can be left out, by four switches, and turning one is an event that cannot be left out.',
    ],
    events: ['trail.switch.change'],
    settings: ['failed_logins', 'failed_pulls', 'failed_pushes', 'failed_deletions'],
    commands: ['events'],
    tests: [
      ['server/src/api/coverage.test.ts', 'has an event or a reason for every outcome of every route'],
      ['server/src/api/coverage.test.ts', 'names only types that exist, and every type there is'],
      [
        'contract/src/catalogue/catalogue.test.ts',
        'each switch has exactly the refusals it names, and changes of state are strict',
      ],
    ],
    yours:
      'The choice itself: agreeing on it with those who need the records, giving the rationale, reviewing it (b, d, e).',
  },
  {
    number: 'AU-3',
    title: 'Content of audit records',
    asks: 'A record says what type of event it was, when, where, from which source, with which outcome, and which identities were involved.',
    does: [
      'Every event has type, time of occurrence and of recording, outcome and reason, actor, the person behind a token or robot, credential, target, project and namespace, and the request with address, agent, protocol, method and route.',
      'Names are kept as they were, beside ids that never change. A claimed identity is told apart from a proven one.',
    ],
    events: ['account.sign_in.refuse', 'container.manifest.push'],
    settings: ['http.trusted_proxies'],
    commands: ['events', 'export'],
    tests: [
      [
        'tests/scenarios/attribution.test.ts',
        'wrong token: the robot, in the namespace of its owner, person or organisation',
      ],
      ['tests/scenarios/trail-rules.test.ts', 'an X-Forwarded-For that nobody vouches for changes nothing'],
      ['verifier/src/vectors.test.ts', 'docs/spec/event.md prints the worked example and names every reason'],
    ],
    yours: 'Behind a proxy, `http.trusted_proxies` must name it, or every address is the proxy’s.',
  },
  {
    number: 'AU-3(1)',
    title: 'Additional information',
    asks: 'Records carry the further details that the organisation wants.',
    does: [
      'Each type has details of its own, with the old and the new value on every change; a refusal has the role held and the role needed, an effect has the event that caused it, a lock its policy with version and pattern.',
    ],
    events: ['project.role.grant', 'container.tag.lock', 'container.push.refuse'],
    settings: [],
    commands: [],
    tests: [
      [
        'server/src/api/refusals.test.ts',
        'refuses everybody without the permission, and says so in the right scope',
      ],
      [
        'server/src/containers/immutability.test.ts',
        'several policies: all are named, the decisive one marked; a change and a release',
      ],
    ],
    yours: 'Which details you want. There are no fields of your own to add.',
  },
  {
    number: 'AU-3(3)',
    title: 'Limit personal data in records',
    asks: 'Records hold only those personal data that were found to be needed.',
    does: [
      'The catalogue marks every field that identifies somebody: such a field stands in the log as a salted commitment, its value beside it, erasable for good. Addresses, agents and e-mail are shown to fewer readers still. No secret is ever recorded.',
    ],
    events: ['trail.erasure.request', 'trail.erasure.confirm', 'trail.erasure.finish'],
    settings: ['retention.account', 'retention.routine'],
    commands: ['admin erase'],
    tests: [
      [
        'contract/src/catalogue/catalogue.test.ts',
        'texts a person chose are marked in every type, and everything restricted is erasable',
      ],
      ['server/src/trail/trail.test.ts', 'keeps names out of the public body'],
      ['server/src/main/forgetting.test.ts', 'leaves no byte of a person, and everything of everybody else'],
    ],
    yours:
      'The assessment that says which are needed. Which fields are recorded cannot be chosen; how long they stay can.',
  },
];

const failures: readonly Control[] = [
  {
    number: 'AU-4',
    title: 'Storage capacity',
    asks: 'There is enough room for the log for as long as it is to be kept.',
    does: [
      'A hundred refusals alike take two events; pulls expire after 90 days unless set otherwise; `/metrics` tells the size of the database and the number of events, so growth can be foreseen.',
    ],
    events: ['trail.retention.change', 'trail.retention.drop'],
    settings: ['retention.project', 'retention.account', 'retention.routine'],
    commands: ['admin retention'],
    tests: [
      [
        'server/src/trail/attempts.test.ts',
        'keeps a bounded number open however many sources there are, and loses no count',
      ],
      [
        'server/src/main/forgetting.test.ts',
        'drops what is past its time, below the last full tile, and every proof stays valid',
      ],
    ],
    yours:
      'The disk, and watching it. Tallyman does not reserve room for the log apart from the rest of its database.',
  },
  {
    number: 'AU-4(1)',
    title: 'Transfer to other storage',
    asks: 'The log is moved regularly to another system than the one that writes it.',
    does: [
      'Exports go on where the last one ended; a tail follows live; a bundle of evidence is provable by itself. Backups are made beside the running server.',
    ],
    events: ['trail.events.export', 'system.backup.make'],
    settings: [],
    commands: ['export', 'tail', 'backup'],
    tests: [
      [
        'server/src/trail/search-streams.suite.ts',
        'goes on with an export that broke off: the parts are the whole',
      ],
      ['tests/scenarios/backup.test.ts', 'a backup beside the running server'],
    ],
    yours:
      'The other system and the schedule (cron, a timer). Tallyman does not push events to a SIEM by itself.',
  },
  {
    number: 'AU-5',
    title: 'Response to failures of logging',
    asks: 'When logging fails, the right people are told within a set time, and set actions are taken.',
    does: [
      'A change whose event cannot be written is not made. A refusal that cannot be recorded is answered 503. `/readyz` and the metrics tell at once.',
      'What becomes of pulls meanwhile is a setting: refused, or answered and counted, with one event that tells how many as soon as the trail can be written.',
      'When the head of the log cannot be signed without contradicting what was signed before, nothing is signed, and that is an event and a metric.',
    ],
    events: [
      'trail.reads.omit',
      'log.checkpoint.withhold',
      'system.inconsistency.find',
      'system.server.start',
    ],
    settings: ['trail.reads_when_unwritable'],
    commands: ['fsck'],
    tests: [
      ['tests/faults/full-disk.test.ts', 'a full disk refuses writes and loses nothing'],
      [
        'tests/faults/full-disk.test.ts',
        'with the setting, pulls go on while the disk is full, and one event tells how many',
      ],
      [
        'server/src/trail/log/log.test.ts',
        'signs nothing on top of an edge or entries that were altered, and says so once',
      ],
    ],
    yours:
      'The alert itself: your monitoring watches `/readyz` and [the metrics](../operating/metrics.md), and calls somebody.',
  },
  {
    number: 'AU-5(4)',
    title: 'Shutdown on failure',
    asks: 'When logging fails, the system stops, or goes on with less, unless it can log elsewhere.',
    does: [
      'By default nothing that would have to be recorded is done: pulls too are refused until the trail can be written. After an error that leaves unknown what is stored, the process ends and recovers at the next start.',
    ],
    events: ['system.server.start'],
    settings: ['trail.reads_when_unwritable'],
    commands: [],
    tests: [
      ['server/src/trail/trail.test.ts', 'are refused, unless the administrator lets them go on'],
      [
        'server/src/db/store.test.ts',
        'sqlite: a full disk refuses the writes with a clear error, loses nothing acknowledged, and recovers',
      ],
    ],
    yours: 'Leaving `trail.reads_when_unwritable` at `refuse`.',
  },
];

const review: readonly Control[] = [
  {
    number: 'AU-6',
    title: 'Review, analysis and reporting',
    asks: 'Records are reviewed regularly for inappropriate or unusual activity, findings are reported, and the level of review follows the risk.',
    does: [
      'Views by account, namespace, project and for administration, with filters by type, actor, credential, address, outcome and reason, counts over time, and every filter an address that can be passed on. Owners review their own projects without an administrator.',
      'That staff read what is somebody else’s is an event: the review itself leaves evidence.',
    ],
    events: ['trail.events.read', 'trail.events.export'],
    settings: [],
    commands: ['events', 'tail', 'export'],
    tests: [
      [
        'server/src/trail/search.suite.ts',
        'records reading what is somebody else’s once for each reader and filter in ten minutes',
      ],
      [
        'server/src/trail/search-counts.suite.ts',
        'are those of the events that the reader’s list shows, whatever is asked',
      ],
    ],
    yours: 'All of it but the means: how often, by whom, what counts as unusual, whom findings go to.',
  },
  {
    number: 'AU-6(4)',
    title: 'Central review',
    asks: 'Records of several components can be reviewed in one place.',
    does: [
      'All surfaces (registry, management API, console, jobs, command line) write one log, searched in one place.',
    ],
    events: ['api.action.refuse', 'system.job.request'],
    settings: [],
    commands: ['events'],
    tests: [['server/src/api/coverage.test.ts', 'has an event or a reason for every outcome of every route']],
    yours: 'Bringing it together with the logs of other systems: `export` and `tail` hand it over.',
  },
  {
    number: 'AU-7',
    title: 'Reduction and reports',
    asks: 'Records can be reduced and reported on demand and after the fact, without changing their content or their order.',
    does: [
      'Searches and exports read a copy made from the log and never change it; events have one order, their index, in every list and export. Repeats are shown as one row and remain separate events.',
    ],
    events: ['trail.events.export'],
    settings: [],
    commands: ['events', 'export'],
    tests: [
      [
        'server/src/trail/search.suite.ts',
        'pages both ways without loss or double, while equal times pile up and events keep coming',
      ],
      [
        'server/src/trail/search-streams.suite.ts',
        'exports everything that matches at the time, in order, and records it first',
      ],
      [
        'server/src/trail/search.suite.ts',
        'shows a refusal and its repeats as one row, whichever way one pages, and counts every one',
      ],
    ],
    yours: 'Reports in the form your auditors want; exports are NDJSON, CSV or bundles.',
  },
  {
    number: 'AU-7(1)',
    title: 'Automatic processing',
    asks: 'Records can be processed, sorted and searched by chosen fields.',
    does: [
      'Filters by the fields of every event, on the API, the command line and in the console; a filter never matches what its reader may not see.',
    ],
    events: [],
    settings: [],
    commands: ['events', 'export'],
    tests: [
      [
        'server/src/trail/search.suite.ts',
        'takes several values of each filter, and each filter only as the schema says',
      ],
      ['server/src/trail/search.suite.ts', 'matches a filter only on what its reader may see'],
    ],
    yours: 'Lists are ordered by the log alone; sort an export for any other order.',
  },
  {
    number: 'AU-8',
    title: 'Time stamps',
    asks: 'The system’s own clock gives the times, finely enough, in UTC or with the offset.',
    does: [
      'Times are UTC, in microseconds, by the clock of the server; within one process they rise strictly, like the index. A clock that was set back is told; nothing is signed while it stands before the last checkpoint.',
    ],
    events: ['log.checkpoint.withhold'],
    settings: [],
    commands: ['fsck'],
    tests: [
      ['server/src/trail/trail.test.ts', 'ids and times of one process rise strictly'],
      [
        'server/src/trail/log/log.test.ts',
        'signs nothing while the clock stands before the last checkpoint, and goes on after',
      ],
      [
        'server/src/fsck/fsck.test.ts',
        'names a backdated event: changed in place, or recorded with an older time',
      ],
    ],
    yours: 'A clock that is right: synchronise it (SC-45).',
  },
];

export const nist: Framework = {
  title: 'NIST SP 800-53 Rev. 5, family AU',
  about:
    'AU-2 to AU-12, with those enhancements that Tallyman contributes to. Assignments (“organisation-defined”) are yours throughout. Not contributed to: AU-5(1), (2), (3), (5); AU-6(1), (3), (5) to (9); AU-9(1), (5), (7); AU-10(3), (4); AU-12(2).',
  controls: [...content, ...failures, ...review, ...protection, ...keeping],
};
