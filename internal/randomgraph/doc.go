// Package randomgraph makes random ONNX models from a seed: graphs of a few nodes over the operators that the embedded
// engine claims, with inputs to run them on. Two engines that are given the same one must compute the same, or both
// refuse it.
//
// # Validity
//
// The generator computes every shape by formulas of its own, straight from ONNX's operator documentation: it does not
// ask onnx/op, which is among what it tests. A model is valid unless it was asked to hold a Fault.
//
// # Comparability
//
// Two correct engines differ in rounding, which a step function (Round, ArgMax, a comparison, a cast to integers) turns
// into another value altogether. Each value therefore knows whether it is exact (inputs, and what IEEE arithmetic or
// mere movement makes of exact values), and steps are only ever applied to exact ones. Each value also has a bound of its
// magnitude, so that nothing overflows and no function is evaluated where it amplifies errors without limit.
package randomgraph
