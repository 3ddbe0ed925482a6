// Samples for the tiny program: 64 rows of x, and y = x0 - 2 x1 + x2 / 2 + 3. usage: write-samples FILE
#include <vector>

#include "checkpoint/safetensors.h"
#include "dream/random.h"

int main(int, char** argv) {
  std::vector<float> x, y;
  for (int row = 0; row < 64; row++) {
    for (int i = 0; i < 3; i++) x.push_back(dream::math::randomNormal(1, 2, 0, 0, row * 3 + i));
    const float* r = x.data() + row * 3;
    y.push_back(r[0] - 2 * r[1] + r[2] / 2 + 3);
  }
  dream::SafetensorsWriter writer(argv[1],
                                  {{"x", dream::FileDType::f32, {64, 3}}, {"y", dream::FileDType::f32, {64, 1}}});
  writer.append(x.data(), x.size() * 4);
  writer.append(y.data(), y.size() * 4);
  writer.finish();
}
