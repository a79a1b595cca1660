;;; dap-mode.el --- One session of dap-mode in batch Emacs -*- lexical-binding: t -*-
;; Environment: CONFIGURATION (probelens.el), COMMAND (JSON list), FILE, LINE and CONDITION of the breakpoint, PROGRAM.
;; Prints one JSON object a line to stdout. What a person does is done by the commands that keys are bound to.

(require 'json)
(require 'dap-mode)
;; dap-mode reads its list of exception filters, and says that it is always there.
(require 'dap-ui)

(define-derived-mode go-mode prog-mode "Go" "Enough of a Go mode to be in one.")
(add-to-list 'auto-mode-alist '("\\.go\\'" . go-mode))

(defun report (name value)
  (princ (format "%s\n" (json-encode `((name . ,name) (value . ,value))))))

(defun await (what condition)
  "The value of CONDITION as soon as it has one."
  (let ((end (+ (float-time) 120)) (value nil))
    (while (not (setq value (funcall condition)))
      (when (> (float-time) end) (report "never" what) (kill-emacs 1))
      (accept-process-output nil 0.05))
    value))

(setq lsp-session-file (expand-file-name "lsp-session" (getenv "HOME"))
      dap-breakpoints-file (expand-file-name "breakpoints" (getenv "HOME"))
      dap-auto-show-output nil
      probelens-command (append (json-parse-string (getenv "COMMAND") :array-type 'list) nil))
(load (getenv "CONFIGURATION") nil t)

(find-file (getenv "FILE"))
(goto-char (point-min))
(forward-line (1- (string-to-number (getenv "LINE"))))
(dap-breakpoint-add)
(cl-letf (((symbol-function 'read-string) (lambda (&rest _) (getenv "CONDITION"))))
  (call-interactively #'dap-breakpoint-condition))
(dap-debug (list :type "probelens" :request "launch" :name "orders" :mode "exec"
                 :program (getenv "PROGRAM") :args ["3000"]))

(let ((session (car probelens--sessions)))
  (defun stop ()
    (let ((frame (await "a stop" (lambda () (dap--debug-session-active-frame session)))))
      (vector (gethash "name" frame) (gethash "line" frame))))
  (report "keys" (symbol-name (key-binding (kbd "<f5>"))))
  (report "stop" (stop))
  (report "message"
          (gethash "message" (elt (gethash (getenv "FILE") (dap--debug-session-breakpoints session)) 0)))
  (report "value" (let ((frame (dap--debug-session-active-frame session)))
                    (gethash "result" (dap-request session "evaluate" :expression "o.ID" :context "hover"
                                                   :frameId (gethash "id" frame)))))
  ;; Batch Emacs has no echo area.
  (defvar last-message nil)
  (advice-add 'message :before (lambda (format &rest arguments)
                                 (when format (setq last-message (apply #'format-message format arguments)))))
  ;; The keys of eBPF authors and of crashes, by what they are bound to.
  (call-interactively (key-binding (kbd "C-t")))
  (report "goroutines" (with-current-buffer "*probelens goroutines*" (buffer-string)))
  (call-interactively (key-binding (kbd "M-l")))
  (report "verifier" last-message)
  (call-interactively (key-binding (kbd "C-S-b")))
  (report "next load" last-message)
  (call-interactively #'dap-next)
  (report "step" (stop))
  (call-interactively #'dap-continue)
  (await "the end" (lambda () (eq 'terminated (dap--debug-session-state session))))
  (await "the end of the adapter" (lambda () (not (process-live-p (dap--debug-session-proc session)))))
  (report "keys afterwards" (format "%s" (key-binding (kbd "<f5>"))))
  (report "output" (with-current-buffer (dap--debug-session-output-buffer session) (buffer-string))))

(kill-emacs 0)
