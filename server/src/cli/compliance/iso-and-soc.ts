/** SOC 2 (AICPA Trust Services Criteria 2017, points of focus of 2022) and ISO/IEC 27001:2022, Annex A. */
import type { Framework } from './control.ts';

export const soc2: Framework = {
  title: 'SOC 2: Trust Services Criteria',
  about:
    'Criteria 2017 with the points of focus of 2022. An auditor judges your organisation over a period; what stands here is what the registry contributes.',
  controls: [
    {
      number: 'CC7.2',
      title: 'Watching for anomalies',
      asks: 'Components and how they run are watched for signs of malice, disasters and errors, and what is found is analysed to tell whether it is a security event.',
      does: [
        'Every refused sign-in, pull, push and deletion is an event with who, credential, address and reason; repeats are counted, not lost.',
        'What can only be an attack or a fault is an event of its own: lock-outs, limits that came into force, a head of the log that was not signed, stored content that is not what was recorded.',
        'The same is counted in `/metrics`; [the alerts](../operating/metrics.md) say what should wake somebody up. The trail can be followed live, filtered and exported.',
      ],
      events: [
        'account.sign_in.refuse',
        'account.lockout.start',
        'container.pull.refuse',
        'container.push.refuse',
        'container.delete.refuse',
        'api.action.refuse',
        'system.limit.reach',
        'log.checkpoint.withhold',
        'system.inconsistency.find',
      ],
      settings: ['failed_logins', 'failed_pulls', 'failed_pushes', 'failed_deletions', 'fsck.interval_hours'],
      commands: ['events', 'tail', 'export', 'fsck'],
      tests: [
        [
          'tests/scenarios/attribution.test.ts',
          'wrong: the user, in their own namespace; unknown: nobody, in the system scope; both answered alike',
        ],
        [
          'tests/scenarios/trail-rules.test.ts',
          'skopeo, without the right: one denial and at most one closing event',
        ],
        [
          'server/src/identity/limits.test.ts',
          'throttles a source, spares live tokens behind it, and tells an administrator of many failures',
        ],
        ['server/src/trail/attempts.test.ts', 'counts every refusal of any storm exactly'],
        ['server/src/fsck/self-audit.test.ts', 'tells each finding once'],
      ],
      yours:
        'Rules for what counts as unusual, somebody who looks, and a record that they did. Tallyman sends no alerts by itself: your monitoring reads its metrics, your SIEM its exports and its tail. It sees the registry, not the machines around it.',
    },
    {
      number: 'CC8.1',
      title: 'Changes',
      asks: 'Changes to software, data, infrastructure and procedures are authorised, designed, tested, approved, documented and put in place in a controlled way.',
      does: [
        'What was released cannot be replaced unseen: a policy makes tags immutable as they are pushed, an overwrite is refused with the policy’s name, and unlocking takes an owner and a reason.',
        'Every change of a tag says who, with what credential, from which digest to which. Where a tag pointed at any time can be asked, and going back is an audited push.',
        'Changes of the registry itself (settings, switches, roles, policies) are events with the old and the new value, in the same transaction as the change.',
      ],
      events: [
        'container.manifest.push',
        'container.tag.create',
        'container.tag.move',
        'container.tag.delete',
        'container.tag.lock',
        'container.tag.unlock',
        'policy.immutability.create',
        'policy.immutability.change',
        'policy.immutability.delete',
        'policy.immutability.release',
        'policy.run.finish',
        'system.setting.change',
        'trail.switch.change',
        'project.role.grant',
        'project.role.revoke',
      ],
      settings: ['projects.delete_locked'],
      commands: ['why', 'tag history', 'tag restore'],
      tests: [
        [
          'tests/scenarios/immutability.test.ts',
          'a policy, then a push under it: an event in the project’s view names the policy',
        ],
        [
          'tests/scenarios/immutability.test.ts',
          'a project with 100 tags, then a policy: its event, 100 events it caused, one summary',
        ],
        [
          'server/src/containers/immutability.test.ts',
          'every way to change a locked tag is refused, names what locked it, and is an event',
        ],
        ['server/src/containers/rebuild.test.ts', 'is what there is (seed …)'],
        [
          'server/src/api/tag-history.test.ts',
          'going back is a push: judged by policies, refused over a lock, and its event names what it goes back to',
        ],
        ['server/src/api/actions.test.ts', 'turns switches and settings, once'],
      ],
      yours:
        'Approval, testing and separation of duties happen before a push: Tallyman records that a maintainer pushed, not that somebody approved it. Who may be maintainer is your decision, and its events show what you decided.',
    },
  ],
};

export const iso27001: Framework = {
  title: 'ISO/IEC 27001:2022, Annex A',
  about: 'The controls are explained in ISO/IEC 27002:2022 under the same numbers.',
  controls: [
    {
      number: 'A.8.15',
      title: 'Logging',
      asks: 'Activities, exceptions, faults and other relevant events are logged, and the logs are kept, protected and analysed.',
      does: [
        'An event has who, with which credential, what, on what, when (UTC, to the microsecond), from which address and agent, with which outcome and reason.',
        'Privileged people are logged like everybody: no role, administrator included, can change or delete an event over any interface. Retention and erasure are events that say exactly what they took.',
        'Each event is a leaf of a Merkle tree whose head is signed every second; who changes the database below the server is found out, by the server’s own audit and by anybody from outside.',
        'Who reads the log is decided by one declaration per event type; that staff read what is somebody else’s is an event too.',
        'What identifies a person stands in the log as a commitment and can be erased without breaking a proof.',
      ],
      events: [
        'account.sign_in.succeed',
        'account.sign_in.refuse',
        'account.role.change',
        'container.manifest.push',
        'container.manifest.pull',
        'system.setting.change',
        'system.server.start',
        'system.server.stop',
        'trail.switch.change',
        'trail.events.read',
        'trail.events.export',
        'trail.retention.drop',
        'trail.erasure.finish',
      ],
      settings: [
        'failed_logins',
        'failed_pulls',
        'failed_pushes',
        'failed_deletions',
        'retention.project',
        'retention.account',
        'retention.routine',
        'checkpoint.copies',
        'fsck.interval_hours',
      ],
      commands: [
        'events',
        'tail',
        'export',
        'verify',
        'fsck',
        'admin retention',
        'admin hold',
        'admin erase',
      ],
      tests: [
        ['server/src/api/coverage.test.ts', 'has an event or a reason for every outcome of every route'],
        ['tests/faults/kill-under-push.test.ts', 'kill -9 under push load loses nothing and invents nothing'],
        [
          'tests/scenarios/outside-verify.test.ts',
          'a history that was altered, and signed again by the log itself',
        ],
        [
          'server/src/trail/search.suite.ts',
          'shows each reader, through each view, exactly the events and fields the rules give them',
        ],
        [
          'server/src/main/forgetting.test.ts',
          'leaves no byte of a person, and everything of everybody else',
        ],
        ['tests/scenarios/secrets.test.ts', 'none is found in any event, log line, table or file'],
      ],
      yours:
        'Which logs your organisation needs and for how long, that somebody analyses them, clocks that agree (A.8.17), and the logs of the machines and networks around Tallyman. Its own log of faults goes to standard error; keep it with the rest.',
    },
    {
      number: 'A.8.32',
      title: 'Change management',
      asks: 'Changes to information systems and to where information is processed follow a procedure.',
      does: [
        'Immutable tags keep what was released as it was released; each lock, and each attempt against it, names the policy or the person, and since when.',
        'A policy can be previewed before it is made, is versioned, and says who made and changed it; carrying it to what is there is resumable, visible and summed up in one event.',
        'An earlier state of a tag can be restored, which is recorded like any change: the way back that a procedure asks for.',
      ],
      events: [
        'policy.immutability.preview',
        'policy.immutability.create',
        'policy.immutability.change',
        'policy.immutability.delete',
        'policy.run.finish',
        'container.tag.lock',
        'container.tag.unlock',
        'container.tag.move',
        'container.push.refuse',
      ],
      settings: ['projects.delete_locked'],
      commands: ['why', 'tag history', 'tag restore'],
      tests: [
        [
          'server/src/containers/immutability.test.ts',
          'a tag pushed under a policy is born immutable, and its event names the policy',
        ],
        [
          'server/src/containers/locking.test.ts',
          'lock a thousand tags across projects, on create and on change, each with its event',
        ],
        ['tests/scenarios/policy-race.test.ts', 'no push slips past a policy that is changed meanwhile'],
        ['tests/scenarios/immutability.test.ts', '`tallyman why` tells how it came to be'],
        [
          'server/src/api/tag-history.test.ts',
          'tells where the tag pointed at a time, and that it did not exist',
        ],
      ],
      yours:
        'The procedure: who asks for a change, who assesses and approves it, how it is tested and announced. Tallyman shows afterwards what was changed by whom, and holds what must not change.',
    },
  ],
};
