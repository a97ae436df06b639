#!/usr/bin/env node
import '../packages/posthorn/bin/posthorn.js';
