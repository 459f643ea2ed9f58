package op

// families lists the shape-rule tables, one per file of this package; each is named for its family.
var families = []map[string]Rule{
	unaryRules,
}
