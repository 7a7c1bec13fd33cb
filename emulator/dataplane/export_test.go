package dataplane

// CanBorrow tells tests whether this machine allows pidfd_getfd.
var CanBorrow = canBorrow
