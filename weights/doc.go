// Package weights carries weights that were trained elsewhere into this program's networks: it matches the tensors of a
// checkpoint (package checkpoint reads them) with the initializers of a training form (package compile) by a map of
// names, which is data, and converts their layouts.
//
// # Maps
//
// A map is a text of lines; each is a word and what belongs to it, split at blanks. # starts a comment.
//
//	about    TEXT                what the map is for
//	detect   NAME                the checkpoints that the map is for hold this tensor
//	strip    PREFIX              is taken off the checkpoint's names before all else; several in their order
//	let      NAME OURS=THEIRS…   a table of words for {NAME}
//	tensor   OURS THEIRS [HOW…]  where a tensor of ours is found; the first line whose OURS fits counts
//	epsilon  NUMBER OURS         the ε of the batch normalisations that the pattern OURS (of their names, as stem/conv0/bn)
//	                             fits, where it may be another than here
//	average  THEIRS              the name of a tensor's exponential moving average; {*} is the tensor's own
//	ignore   THEIRS REASON       tensors of a checkpoint that are no weights
//	refuse   THEIRS REASON       tensors that show a network which is another than any here
//	differs  TEXT                where the forward pass of the network that the checkpoint is of is another than here
//
// In patterns, {x} stands for a number, or for a word of the table x; the same {x} twice for the same. {*} and * stand for
// any text. On the right {x} is what it stood for on the left, or that word's partner in its table; {x+1} a number higher
// by one; {edge}, where {b} is a block and a branch's number stands behind "branch", the index of the branch in its cell
// when each block's are in the order of the states they read, H[l-2] first, then H[l-1] and the blocks.
//
// HOW is how a tensor is made of the checkpoint's:
//
//	HWIO          from [height, width, in, out] to ours, [out, in, height, width]
//	HWCM          from a depthwise [height, width, channels, 1] to [channels, 1, height, width]
//	inputs=4,0,…  our equal groups of input channels are those of the checkpoint with these numbers
//	times=THEIRS  our dense kernel is the product of this pointwise kernel with that depthwise one
//	minus=THEIRS  less that tensor: a mean less the bias of the convolution before it
//	else=NUMBER   all elements are this number where the checkpoint has no such tensor
//
// A different ε is made up for exactly in the scale: γ' = γ·sqrt((σ² + ε here) / (σ² + ε there)).
package weights
