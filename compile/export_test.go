package compile

// ConvertOpset is convertOpset for the tests.
var ConvertOpset = convertOpset
