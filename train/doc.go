// Package train trains networks: it builds the gorgonia graph of a training step from an ONNX model, so that one
// description of a network serves export and training.
//
// A [Network] takes the training form that compile.Compile writes, or any other ONNX graph of the trainable operators
// (Operators), with BatchNormalization nodes as they stand. Nodes are fused into the operators of internal/gorgoniaop;
// which belong together is found from the graph alone.
package train
