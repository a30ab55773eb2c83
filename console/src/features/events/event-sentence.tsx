/** The event's sentence; what came from the event itself stands out from the words around it. */
import { type SentencePart, type ShownEvent, sentenceParts } from '@tallyman/contract';
import { Fragment } from 'react';
import classes from './events.module.css';

export function EventSentence({ event }: { event: ShownEvent }) {
  return partsOf(event).map(({ text, path }, index) =>
    path === undefined || path === 'reason' || path === 'credential' ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one sentence never move.
      <Fragment key={index}>{text}</Fragment>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above
      <b key={index} className={classes.name}>
        {text}
      </b>
    ),
  );
}

/** The server's sentence is what counts: its parts are used only while they say the same. */
function partsOf(event: ShownEvent): SentencePart[] {
  const parts = sentenceParts(event);
  return parts.map(({ text }) => text).join('') === event.sentence ? parts : [{ text: event.sentence }];
}
