package exec

// families lists the binder tables, one per file of this package; each is named for its family.
var families = []map[string]Binder{
	unaryBinders, binaryBinders, whereBinders, clipBinders, castBinders, quantizeBinders,
	poolBinders, normBinders, softmaxBinders, reduceBinders, argBinders, topkBinders, resizeBinders, depthspaceBinders,
	moveBinders, splitBinders, concatBinders, gatherBinders, padBinders, reshapeBinders, shapeBinders, constantBinders,
	convBinders, matmulBinders,
}
