/** The console's build: one page, files named by their hash, nothing inline, so that a strict policy can be served with it. */
import {
  convertCssVariables,
  DEFAULT_THEME,
  defaultCssVariablesResolver,
  mergeMantineTheme,
} from '@mantine/core';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { theme } from './src/theme.ts';

const server = 'http://127.0.0.1:8080';

/** The theme's variables as a stylesheet; the component library would write them into a <style> element. */
function themeVariables(): Plugin {
  return {
    name: 'theme-variables',
    load: (id) =>
      id.endsWith('/src/theme-variables.css')
        ? convertCssVariables(defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, theme)), ':root')
        : undefined,
  };
}

export default defineConfig({
  plugins: [react(), themeVariables()],
  build: {
    outDir: 'dist',
    // The policy allows no `data:` scripts or styles, and small files cost nothing over one connection.
    assetsInlineLimit: 0,
    // Browsers that can run the rest preload modules by themselves.
    modulePreload: { polyfill: false },
    target: 'es2024',
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { '/api': server, '/v2': server } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
