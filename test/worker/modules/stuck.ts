// Never finishes being imported.

for (;;);
