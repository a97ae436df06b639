import MiniSearch, { type SearchResult } from 'minisearch';
import { searchOptions, type FoundPart } from './search-options.ts';

// What a page does by itself: searching without a server, and copying code.

const maxFound = 12;
const input = document.querySelector<HTMLInputElement>('#search')!;
const found = document.querySelector<HTMLElement>('#found')!;
const base = new URL('.', import.meta.url).pathname.replace(/\/$/, '');
let index: Promise<MiniSearch<FoundPart>> | null = null;

async function load(): Promise<MiniSearch<FoundPart>> {
  const response = await fetch(`${base}/search.json`);
  return MiniSearch.loadJSON<FoundPart>(await response.text(), searchOptions);
}

function itemOf({ url, title, heading }: SearchResult): HTMLLIElement {
  const link = document.createElement('a');
  link.href = String(url);
  const [first, second] = [document.createElement('span'), document.createElement('span')];
  first.textContent = heading === '' ? String(title) : String(heading);
  second.textContent = heading === '' ? '' : String(title);
  link.append(first, second);
  const item = document.createElement('li');
  item.append(link);
  return item;
}

async function search(): Promise<void> {
  const words = input.value.trim();
  if (words === '') return close();
  const results = (await (index ??= load())).search(words);
  // Meanwhile something else was typed.
  if (words !== input.value.trim()) return;
  const list = document.createElement('ul');
  list.append(...results.slice(0, maxFound).map(itemOf));
  const none = document.createElement('p');
  none.textContent = `Nothing is found for “${words}”.`;
  found.replaceChildren(results.length > 0 ? list : none);
  found.hidden = false;
}

function close(): void {
  found.hidden = true;
  found.replaceChildren();
}

/** Moves through the field and what was found. */
function move(by: number): void {
  const stops: HTMLElement[] = [input, ...found.querySelectorAll<HTMLElement>('a')];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  stops[Math.max(0, Math.min(stops.length - 1, at + by))]!.focus();
}

input.hidden = false;
input.addEventListener('focus', () => void (index ??= load()));
input.addEventListener('input', () => void search());
document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement;
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    input.focus();
  } else if (event.key === 'Escape' && !found.hidden) {
    close();
    input.focus();
  } else if (!found.hidden && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
    event.preventDefault();
    move(event.key === 'ArrowDown' ? 1 : -1);
  } else if (event.key === 'Enter' && isTyping) found.querySelector<HTMLElement>('a')?.click();
});
document.addEventListener('click', (event) => {
  if (!(event.target as Element).closest('.search')) close();
});

for (const block of document.querySelectorAll('pre')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(block.querySelector('code')?.textContent ?? '').then(() => {
      button.textContent = 'Copied';
      setTimeout(() => (button.textContent = 'Copy'), 2000);
    });
  });
  const frame = document.createElement('div');
  frame.className = 'code';
  block.replaceWith(frame);
  block.tabIndex = 0;
  frame.append(block, button);
}
