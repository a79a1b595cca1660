;;; probelens.el --- Kernel probes for Go in lsp-mode, dap-mode, eglot and dape -*- lexical-binding: t -*-

;; Version: 0.1.0

;; (require 'probelens)   ; with lsp-mode: M-x lsp in a Go file starts this server beside gopls

;;; Code:

(defgroup probelens nil
  "Kernel probes as a normal part of debugging Go."
  :group 'tools)

(defcustom probelens-command '("probelens")
  "The command as a list.
Name the real path: npx takes half a second to find it."
  :type '(repeat string)
  :group 'probelens)

(defcustom probelens-settings nil
  "The section \"probelens\" of the language server's settings, as a plist."
  :type 'plist
  :group 'probelens)

(defun probelens--command (argument)
  "The command line that runs ARGUMENT, \"lsp\" or \"dap\"."
  (append probelens-command (list argument)))

;; Of the packages below, whichever are installed.
(defvar lsp-language-id-configuration)
(declare-function lsp-send-execute-command "lsp-mode")
(declare-function eglot "eglot")
(declare-function eglot-execute-command "eglot")
(declare-function eglot-current-server "eglot")
(declare-function lsp-avy-lens "lsp-lens")

(defun probelens--list ()
  "Show what is probed in this workspace."
  (interactive)
  (if (bound-and-true-p lsp-mode)
      (lsp-send-execute-command "probelens.probes")
    (eglot-execute-command (eglot-current-server) 'probelens.probes [])))

(defvar probelens-prefix-map
  (let ((map (make-sparse-keymap)))
    (define-key map "l" #'lsp-avy-lens)
    (define-key map "p" #'probelens--list)
    map)
  "On `C-c p' while `probelens-session-mode' is on; bind it elsewhere, too.")

;; lsp-mode: beside gopls.
(declare-function lsp-register-client "lsp-mode")
(declare-function make-lsp-client "lsp-mode")
(declare-function lsp-stdio-connection "lsp-mode")
(declare-function lsp-activate-on "lsp-mode")

(with-eval-after-load 'lsp-mode
  (add-to-list 'lsp-language-id-configuration '(go-mode . "go"))
  (lsp-register-client
   (make-lsp-client
    :new-connection (lsp-stdio-connection (lambda () (probelens--command "lsp")))
    :activation-fn (lsp-activate-on "go")
    :add-on? t
    :priority -1
    :server-id 'probelens
    :initialization-options (lambda () probelens-settings))))

;; eglot has one server for a mode: this one takes gopls's place in the buffer.
(defvar eglot-server-programs)

(defun probelens-eglot ()
  "Serve this buffer through eglot."
  (interactive)
  (unless (require 'eglot nil t)
    (user-error "Eglot is not installed; use lsp-mode, or Emacs 29"))
  (let ((eglot-server-programs (list (cons major-mode (probelens--command "lsp")))))
    (call-interactively #'eglot)))

;; Keys that exist only while a session of ours runs.
(declare-function dap-continue "dap-mode")
(declare-function dap-breakpoint-toggle "dap-mode")
(declare-function dap-next "dap-mode")
(declare-function dap-step-in "dap-mode")
(declare-function dap-step-out "dap-mode")
(declare-function dap-disconnect "dap-mode")
(declare-function dap-register-debug-provider "dap-mode")
(declare-function dap-register-debug-template "dap-mode")
(declare-function dap--debug-session-launch-args "dap-mode")

(defvar probelens-session-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "<f5>") #'dap-continue)
    (define-key map (kbd "<f9>") #'dap-breakpoint-toggle)
    (define-key map (kbd "<f10>") #'dap-next)
    (define-key map (kbd "<f11>") #'dap-step-in)
    (define-key map (kbd "S-<f11>") #'dap-step-out)
    (define-key map (kbd "<f23>") #'dap-step-out)
    (define-key map (kbd "S-<f5>") #'dap-disconnect)
    (define-key map (kbd "<f17>") #'dap-disconnect)
    (define-key map (kbd "C-c p") probelens-prefix-map)
    map)
  "Shift+F5 and Shift+F11 arrive as F17 and F23 in terminals.")

(define-minor-mode probelens-session-mode
  "Debugging keys, on while a Probelens session runs."
  :global t
  :lighter " Probe")

(defvar probelens--sessions nil "Running sessions of ours.")

(defun probelens--ours-p (session)
  "Whether SESSION was started as type \"probelens\"."
  (equal (plist-get (dap--debug-session-launch-args session) :type) "probelens"))

(defun probelens--session-began (session)
  "SESSION of dap-mode began."
  (when (probelens--ours-p session)
    (push session probelens--sessions)
    (probelens-session-mode 1)))

(defun probelens--session-ended (session)
  "SESSION of dap-mode ended."
  (setq probelens--sessions (delq session probelens--sessions))
  (unless probelens--sessions (probelens-session-mode -1)))

(defun probelens--fill (configuration)
  "CONFIGURATION with what dap-mode needs to start the adapter."
  (let ((file (or buffer-file-name default-directory)))
    (setq configuration (plist-put configuration :dap-server-path (probelens--command "dap")))
    (unless (plist-get configuration :processId)
      (setq configuration
            (plist-put configuration :program
                       (or (plist-get configuration :program) (file-name-directory file)))))
    (unless (plist-get configuration :cwd)
      (setq configuration (plist-put configuration :cwd (file-name-directory file))))
    configuration))

(with-eval-after-load 'dap-mode
  (dap-register-debug-provider "probelens" #'probelens--fill)
  (dap-register-debug-template "Probelens: package"
                               (list :type "probelens" :request "launch" :name "Probelens: package" :mode "debug"))
  (dap-register-debug-template "Probelens: tests"
                               (list :type "probelens" :request "launch" :name "Probelens: tests" :mode "test"))
  (add-hook 'dap-session-created-hook #'probelens--session-began)
  (add-hook 'dap-terminated-hook #'probelens--session-ended))

;; dape has keys of its own (C-x C-a).
(with-eval-after-load 'dape
  (defvar dape-configs)
  (add-to-list 'dape-configs
               '(probelens modes (go-mode go-ts-mode)
                           command (lambda () (car probelens-command))
                           command-args ("dap")
                           command-cwd dape-command-cwd
                           :type "probelens" :request "launch" :mode "debug" :cwd "." :program ".")))

(provide 'probelens)
;;; probelens.el ends here
