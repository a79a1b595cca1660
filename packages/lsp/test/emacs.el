;;; emacs.el --- Runs in batch Emacs -*- lexical-binding: t -*-
;; Environment: CONFIGURATION (probelens.el), COMMAND (JSON list), FILE, LINE (of the function to probe), BINARY.
;; Prints one JSON object a line to stdout.

(require 'json)
(require 'lsp-mode)
(require 'lsp-lens)
(require 'lsp-diagnostics)

(define-derived-mode go-mode prog-mode "Go" "Enough of a Go mode to start a server.")
(add-to-list 'auto-mode-alist '("\\.go\\'" . go-mode))

(defun report (name value)
  (princ (format "%s\n" (json-encode `((name . ,name) (value . ,value))))))

(defun wait-for (condition)
  "Whether CONDITION came true in 20 seconds of serving the server."
  (let ((end (+ (float-time) 20)) (true nil))
    (while (and (not (setq true (funcall condition))) (< (float-time) end))
      (accept-process-output nil 0.05))
    (if true t :json-false)))

(defun lenses ()
  "Lenses as the server gives them, as (LINE . COMMAND)."
  (mapcar (lambda (lens)
            (cons (1+ (lsp-get (lsp-get (lsp-get lens :range) :start) :line)) (lsp-get lens :command)))
          (lsp-request "textDocument/codeLens" (list :textDocument (lsp--text-document-identifier)))))

(defun titles ()
  (mapcar (lambda (lens) (format "%d: %s" (car lens) (lsp-get (cdr lens) :title))) (lenses)))

(defun shown ()
  "What lsp-lens-mode draws."
  (lsp-lens-refresh t)
  (accept-process-output nil 0.3)
  (delq nil (mapcar (lambda (overlay)
                      (when (overlay-get overlay 'lsp-lens)
                        (let ((text (or (overlay-get overlay 'before-string) (overlay-get overlay 'after-string))))
                          (when text (string-trim (substring-no-properties text))))))
                    (overlays-in (point-min) (point-max)))))

(setq lsp-auto-guess-root t
      lsp-enabled-clients '(probelens)
      lsp-enable-file-watchers nil
      lsp-session-file (expand-file-name "lsp-session" (getenv "XDG_RUNTIME_DIR"))
      probelens-command (append (json-parse-string (getenv "COMMAND") :array-type 'list) nil)
      probelens-settings (list :binary (getenv "BINARY")))
(load (getenv "CONFIGURATION") nil t)

(let ((line (string-to-number (getenv "LINE"))))
  (lsp-workspace-folders-add (file-name-directory (getenv "FILE")))
  (find-file (getenv "FILE"))
  (lsp)
  (report "started" (wait-for (lambda () (lsp-workspaces))))
  (wait-for (lambda () (eq 'initialized (lsp--workspace-status (car (lsp-workspaces))))))
  (report "lenses" (vconcat (titles)))
  (lsp-lens-mode 1)
  (report "drawn" (wait-for (lambda () (seq-some (lambda (text) (string-match-p "probe this function" text)) (shown)))))
  (report "diagnosed" (wait-for (lambda () (gethash (buffer-file-name) (lsp-diagnostics t)))))
  (report "diagnostics"
          (vconcat (mapcar (lambda (diagnostic) (lsp-get diagnostic :message))
                           (gethash (buffer-file-name) (lsp-diagnostics t)))))
  (lsp--execute-command (cdr (assoc line (lenses))))
  (report "counting"
          (wait-for (lambda () (member (format "%d: probed - 1,234 hits" line) (titles)))))
  (goto-char (point-min))
  (forward-line (1- line))
  (let ((actions (lsp-code-actions-at-point)))
    (report "actions" (vconcat (mapcar (lambda (action) (lsp-get action :title)) actions)))
    (lsp-execute-code-action (car (append actions nil))))
  (report "taken back"
          (wait-for (lambda () (member (format "%d: probe this function" line) (titles))))))

;; The keys of a session, without one: dap-mode's own structure, its hooks run as dap-mode runs them.
(require 'dap-mode)
(let ((ours (make-dap--debug-session :launch-args '(:type "probelens")))
      (other (make-dap--debug-session :launch-args '(:type "go"))))
  (report "templates" (vconcat (seq-filter (lambda (name) (string-prefix-p "Probelens" name))
                                           (mapcar #'car dap-debug-template-configurations))))
  (report "adapter" (vconcat (plist-get (probelens--fill (list :type "probelens" :request "launch")) :dap-server-path)))
  (run-hook-with-args 'dap-session-created-hook other)
  (report "foreign" (if probelens-session-mode t :json-false))
  (run-hook-with-args 'dap-session-created-hook ours)
  (report "key" (symbol-name (key-binding (kbd "<f10>"))))
  (run-hook-with-args 'dap-terminated-hook ours)
  (report "afterwards" (if (key-binding (kbd "<f10>")) (symbol-name (key-binding (kbd "<f10>"))) "")))

(kill-emacs 0)
