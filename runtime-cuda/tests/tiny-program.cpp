// A program written by hand as the compiler would emit it: it fits y = w x + b to samples of a safetensors file by
// gradient descent, data-parallel over any number of ranks.
#include <string>

#include "dream/calls.h"
#include "dream/host.h"
#include "dream/kernel.h"
#include "dream/math.h"
#include "dream/program.h"

namespace {

using dream::Axis;
using dream::spanOf;
constexpr std::int64_t batchSize = 16, numInputs = 3;
const double none = __builtin_nan("");

const Axis dataAxes[] = {Axis::dpReplicate};
const dream::DimSplit batchSplits[] = {{spanOf(dataAxes), 1}, {{}, 1}};
const std::int64_t xShape[] = {batchSize, numInputs}, yShape[] = {batchSize, 1};
const dream::FieldInfo fields[] = {
    {"x", dream::DType::f32, spanOf(xShape), spanOf(batchSplits)},
    {"y", dream::DType::f32, spanOf(yShape), spanOf(batchSplits)},
};
const dream::LoaderInfo loaders[] = {
    {"train", dream::SourceKind::tensors, "data", nullptr, "", 0, 0, 64, batchSize, true, true, spanOf(fields)},
};

const dream::DimSplit whole[] = {{{}, 1}, {{}, 1}};
const std::int64_t weightShape[] = {numInputs, 1}, biasShape[] = {1};
const char* const tied[] = {"model.again.weight"};
const std::int64_t offsets[4][4] = {{0, 0, 0, 0}, {64, 64, 64, 64}, {128, 128, 128, 128}, {192, 192, 192, 192}};
const dream::StateInfo states[] = {
    {"model.weight",
     spanOf(tied),
     dream::StateKind::parameter,
     dream::DType::f32,
     spanOf(weightShape),
     spanOf(whole),
     {},
     spanOf(offsets[0])},
    {"model.bias",
     {},
     dream::StateKind::parameter,
     dream::DType::f32,
     spanOf(biasShape),
     {whole, 1},
     {},
     spanOf(offsets[1])},
};

const char* const choices[] = {"\"sgd\"", "\"none\""};
const dream::ConfigEntry config[] = {
    {"data", dream::ConfigType::string, "\"data.safetensors\"", false, none, none, none, none, {}},
    {"optimizer.rate", dream::ConfigType::number, "0.1", false, none, 0.0, 1.0, none, {}},
    {"epochs", dream::ConfigType::integer, "5", false, 1.0, none, none, none, {}},
    {"verbose", dream::ConfigType::boolean, "false", false, none, none, none, none, {}},
    {"method", dream::ConfigType::string, "\"sgd\"", false, none, none, none, none, spanOf(choices)},
    {"hiddenSize", dream::ConfigType::integer, "3", true, none, none, none, none, {}},
};
const dream::AreaBytes areas[] = {{256, 4096}};
const dream::VariantInfo variants[] = {{{1, 1, 1, 1, 1}, spanOf(areas)},
                                       {{1, 2, 1, 1, 1}, spanOf(areas)},
                                       {{1, 4, 1, 1, 1}, spanOf(areas)},
                                       {{1, 8, 1, 1, 1}, spanOf(areas)}};
const std::int64_t planBytes[] = {256, 256, 256, 256};
const dream::PlanEntry plan[] = {{"parameters and gradients", spanOf(planBytes)}};

struct Result {
  dream::Tensor loss;
};

/** loss = mean (x w + b - y)²; the gradients are summed over ranks and applied. */
Result step(dream::Run& run, const dream::Batch& batch, double rate) {
  const std::int64_t rows = batchSize / run.degree(Axis::dpReplicate);
  const float *x = batch.field<float>(0), *y = batch.field<float>(1);
  auto* weight = reinterpret_cast<float*>(run.states());
  auto* bias = reinterpret_cast<float*>(run.states() + 64);
  auto* weightGradient = reinterpret_cast<float*>(run.states() + 128);
  auto* biasGradient = reinterpret_cast<float*>(run.states() + 192);
  auto* predicted = reinterpret_cast<float*>(run.arena());
  // clang-format off
  dream::matmul(run, {.batch = 1, .m = rows, .n = 1, .k = numInputs,
      .a = x, .aBatch = 0, .aM = numInputs, .aK = 1,
      .b = weight, .bBatch = 0, .bK = 1, .bN = 1,
      .c = predicted, .cBatch = 0, .cM = 1, .cN = 1,
      .inputs = dream::DType::f32, .output = dream::DType::f32, .workspace = nullptr});
  // clang-format on
  dream::Tensor loss = run.newTensor(dream::DType::f32, 1);
  float total = 0.0f;
  biasGradient[0] = 0.0f;
  for (std::int64_t i = 0; i < rows; i++) {
    const float error = predicted[i] + bias[0] - y[i];
    total += error * error / batchSize;
    predicted[i] = 2.0f * error / batchSize;
    biasGradient[0] += predicted[i];
  }
  *loss.data<float>() = total;
  // clang-format off
  dream::matmul(run, {.batch = 1, .m = numInputs, .n = 1, .k = rows,
      .a = x, .aBatch = 0, .aM = 1, .aK = numInputs,
      .b = predicted, .bBatch = 0, .bK = 1, .bN = 1,
      .c = weightGradient, .cBatch = 0, .cM = 1, .cN = 1,
      .inputs = dream::DType::f32, .output = dream::DType::f32, .workspace = nullptr});
  // clang-format on
  auto& ranks = run.communicator(Axis::dpReplicate);
  ranks.allReduce(1, dream::Reduction::sum,
                  {{dream::DType::f32, weightGradient, weightGradient, numInputs},
                   {dream::DType::f32, biasGradient, biasGradient, 1}});
  ranks.allReduce(2, dream::Reduction::sum, {{dream::DType::f32, loss.data<float>(), loss.data<float>(), 1}});
  ranks.wait(1);
  ranks.wait(2);
  const std::int64_t strides[] = {1, 1};
  run.observe({"model.weight", dream::DType::f32, weightGradient, spanOf(weightShape), spanOf(strides), spanOf(whole)});
  run.observe({"model.bias", dream::DType::f32, biasGradient, spanOf(biasShape), {strides, 1}, {whole, 1}});
  dream::parallelFor(numInputs, 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) weight[i] -= static_cast<float>(rate) * weightGradient[i];
  });
  bias[0] -= static_cast<float>(rate) * biasGradient[0];
  return {loss};
}

void runHost(dream::Run& run) {
  auto* weight = reinterpret_cast<float*>(run.states());
  for (std::int64_t i = 0; i < numInputs; i++) weight[i] = dream::math::randomNormal(run.seed(), 1, 0, 0, i);
  run.initialized();
  const double epochs = run.configNumber("epochs"), rate = run.configNumber("optimizer.rate");
  const double numBatches = run.numBatches(0);
  double globalStep = 0.0;
  for (double epoch = 0.0; epoch < epochs; epoch++) {
    for (double index = 0.0; index < numBatches; index++) {
      if (run.shouldStop(globalStep)) return;
      const dream::Batch batch = run.fetch(0, epoch, index);
      const Result result = step(run, batch, rate);
      globalStep++;
      run.log(dream::LogEvent::train, globalStep, epoch, {{"loss", result.loss.item()}, {"learningRate", rate}},
              batchSize, run.configBoolean("verbose"));
      run.progress(globalStep, epochs * numBatches);
    }
  }
  run.print("done after " + dream::host::text(globalStep) + " steps on " + dream::host::text(run.worldSize()) +
            " ranks");
}

constexpr dream::ObservedInfo observed[] = {
    {"model.weight", spanOf(weightShape), spanOf(whole)},
    {"model.bias", spanOf(biasShape), {whole, 1}},
};

const dream::ProgramInfo program = {
    "tiny",           "tiny.ts",       "0",
    {1, 0, 1, 1, 1},  spanOf(variants), spanOf(config),
    spanOf(states),   spanOf(loaders),  spanOf(plan),
    spanOf(observed), 4,                runHost,
};

}  // namespace

int main(int argc, char** argv) { return dream::main(argc, argv, program); }
