/** Must be loaded before any schema is: zod otherwise tries to compile its checks, which the page's policy forbids. */
import { config } from 'zod';

config({ jitless: true });
