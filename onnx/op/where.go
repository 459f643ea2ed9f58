package op

// whereRules covers the choice between two tensors by a third.
var whereRules = map[string]Rule{"Where": whereRule}

func whereRule(c *Call) error {
	if err := broadcastOut(c); err != nil {
		return err
	}
	c.foldInts(func(args []*element) element {
		cond, x, y := args[0], *args[1], *args[2]
		switch {
		case is(*cond, 1):
			return x
		case is(*cond, 0):
			return y
		case x == y && (x.known || x.name != ""):
			return x
		}
		return element{}
	})
	return nil
}
