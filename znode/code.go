package znode

// Code is the outcome of a request, numbered as on ZooKeeper's wire (KeeperException.Code).
type Code int32

const (
	OK                           Code = 0
	ErrSystem                    Code = -1
	ErrRuntimeInconsistency      Code = -2 // in a failed multi: not tried, an earlier part failed
	ErrDataInconsistency         Code = -3
	ErrConnectionLoss            Code = -4
	ErrMarshalling               Code = -5
	ErrUnimplemented             Code = -6
	ErrOperationTimeout          Code = -7
	ErrBadArguments              Code = -8
	ErrUnknownSession            Code = -12
	ErrNewConfigNoQuorum         Code = -13
	ErrReconfigInProgress        Code = -14
	ErrAPI                       Code = -100
	ErrNoNode                    Code = -101
	ErrNoAuth                    Code = -102
	ErrBadVersion                Code = -103
	ErrNoChildrenForEphemerals   Code = -108
	ErrNodeExists                Code = -110
	ErrNotEmpty                  Code = -111
	ErrSessionExpired            Code = -112
	ErrInvalidCallback           Code = -113
	ErrInvalidACL                Code = -114
	ErrAuthFailed                Code = -115
	ErrSessionMoved              Code = -118
	ErrNotReadOnly               Code = -119
	ErrEphemeralOnLocalSession   Code = -120
	ErrNoWatcher                 Code = -121
	ErrReconfigDisabled          Code = -123
	ErrSessionClosedRequiresAuth Code = -124
	ErrQuotaExceeded             Code = -125
	ErrThrottledOp               Code = -127
)
