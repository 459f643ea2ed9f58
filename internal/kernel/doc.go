// Package kernel holds the number-crunching loops that the embedded runtime and the training operators share. It knows
// slices, sizes and strides, nothing of graphs, ONNX or tensors' names. Beside each fast kernel stands a slow, obvious
// one (suffix Ref), its oracle in the tests. Results never depend on the number of threads of the Pool: work is cut
// along outputs, and each output is summed in one fixed order.
package kernel
