/**
 * What a dialog is about, and where the focus goes when it closes. The thing asked about is kept until the next one, so
 * that the dialog's words do not go before the dialog does; `turn` is a new key for each question, so that nothing typed
 * into one stands in the next.
 */
import { useRef, useState } from 'react';

export type Asked<T> = {
  /** The last one asked about; undefined before the first. */
  item: T | undefined;
  opened: boolean;
  turn: number;
  ask: (item: T) => void;
  close: () => void;
};

export function useAsked<T>(): Asked<T> {
  const opener = useRef<HTMLElement | undefined>(undefined);
  const [state, setState] = useState<{ item: T | undefined; opened: boolean; turn: number }>({
    item: undefined,
    opened: false,
    turn: 0,
  });
  return {
    ...state,
    ask: (item) => {
      opener.current = findOpener();
      setState(({ turn }) => ({ item, opened: true, turn: turn + 1 }));
    },
    close: () => {
      setState((before) => ({ ...before, opened: false }));
      // Once the dialog has let go of the focus.
      setTimeout(() => giveFocusBack(opener.current), 30);
    },
  };
}

/** What has the focus; for a menu's item, which goes with its menu, the button that opened the menu. */
function findOpener(): HTMLElement | undefined {
  const focused = document.activeElement;
  const menu = focused?.closest('[role="menu"]');
  const found = menu ? document.querySelector(`[aria-controls="${menu.id}"]`) : focused;
  return found instanceof HTMLElement ? found : undefined;
}

/** The row may be gone; then reading goes on from the page's content. */
function giveFocusBack(opener: HTMLElement | undefined): void {
  const present = opener?.isConnected ? opener : document.getElementById('content');
  present?.focus({ preventScroll: true });
}
