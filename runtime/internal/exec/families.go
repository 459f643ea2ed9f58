package exec

// families lists the binder tables, one per file of this package; each is named for its family.
var families = []map[string]Binder{}
