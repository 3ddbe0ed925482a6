const settings: { model?: { size: number } } = {};
const size = settings.model!.size; // ~ fails-at-build-time
