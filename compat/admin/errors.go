package admin

import "errors"

var (
	// ErrNotAuthenticated says that the Authorization header proves nothing: HTTP 401.
	ErrNotAuthenticated = errors.New("admin: not authenticated")
	// ErrNotAuthorized says that the proven identity lacks a permission on "/": HTTP 403.
	ErrNotAuthorized = errors.New("admin: not authorized")
	// ErrUnavailable says that this server does not do that: HTTP 503, with the reason.
	ErrUnavailable = errors.New("not done by a running server")
)
