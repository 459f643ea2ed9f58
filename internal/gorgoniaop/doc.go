// Package gorgoniaop holds the differentiable operators of the search and of training, as operators of
// gorgonia.org/gorgonia whose work the kernels of package kernel do.
//
// gorgonia's own cost is some microseconds a node, and quadratic in the number of nodes when it compiles. So the
// operators here are few and fat: a convolution with the ReLU before it and the normalisation after it, or a whole cell
// of the supernet, is one node.
//
// # Layout
//
// Images lie channel by channel: a tensor has shape [C, N, H, W], so that a channel of the whole batch is one contiguous
// row, over which products, normalisation and activations run without regard to where one image ends.
//
// # Gradients
//
// An operator of gorgonia returns one value, but the backward pass of a fused one yields the gradients of all its inputs
// together. SymDiff therefore makes one node an input, and all of them share one computation: the first that runs after
// a forward pass computes every gradient, the others hand theirs out. The buffers belong to the operators and are used
// again at the next run; a caller that wants to keep a value copies it.
//
// # Determinism
//
// Work is cut into tasks by shapes alone, never by the number of threads, and what several tasks add up is added in the
// order of the tasks. The same input gives the same bytes whatever Env.Pool is.
package gorgoniaop
