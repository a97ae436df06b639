import { describeAccess } from './access.ts';
import { describeClientScripts } from './client-scripts.ts';
import { useServer } from './world.ts';

// The API under /api/v1 through the official clients: a sender's script runs unchanged but for the URL.

useServer();
describeClientScripts();
describeAccess();
