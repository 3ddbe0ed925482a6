const all = [...naturals()]; // ~ endless-at-build-time
function* naturals(): Generator<number> {
  let n = 0;
  while (true) yield n++;
}
