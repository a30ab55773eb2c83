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
  /** `from`: what opened it, where that is not what has the focus. */
  ask: (item: T, from?: HTMLElement | null) => void;
  close: () => void;
  /** Closes it where another dialog follows, whose end then gives the focus back. */
  hide: () => void;
  giveFocusBack: () => void;
};

export function useAsked<T>(): Asked<T> {
  const opener = useRef<HTMLElement | undefined>(undefined);
  const [state, setState] = useState<{ item: T | undefined; opened: boolean; turn: number }>({
    item: undefined,
    opened: false,
    turn: 0,
  });
  const hide = (): void => setState((before) => ({ ...before, opened: false }));
  const giveBack = (): void => giveFocusBack(opener.current);
  return {
    ...state,
    hide,
    giveFocusBack: giveBack,
    ask: (item, from) => {
      opener.current = from ?? findOpener();
      setState(({ turn }) => ({ item, opened: true, turn: turn + 1 }));
    },
    close: () => {
      hide();
      giveBack();
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

/** Once the dialog has let go of it. The opener may be gone with its row; then reading goes on from the page's content. */
function giveFocusBack(opener: HTMLElement | undefined): void {
  setTimeout(() => {
    const present = opener?.isConnected ? opener : document.getElementById('content');
    present?.focus({ preventScroll: true });
  }, 30);
}
