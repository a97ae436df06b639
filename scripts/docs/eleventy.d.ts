// The part of Eleventy that is used here: it does not bring types.
declare module '@11ty/eleventy' {
  import type MarkdownIt from 'markdown-it';

  interface Configuration {
    setTemplateFormats(formats: readonly string[]): void;
    amendLibrary(name: 'md', amend: (markdown: MarkdownIt) => void): void;
    addTemplate(name: string, text: string, data: Readonly<Record<string, unknown>>): void;
  }

  export class Eleventy {
    constructor(
      input: string,
      output: string,
      options: {
        readonly quietMode?: boolean;
        readonly configPath?: null;
        readonly config?: (config: Configuration) => void;
      },
    );
    toJSON(): Promise<unknown>;
  }
}
